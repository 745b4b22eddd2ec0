FROM scratch
CMD --foo bar

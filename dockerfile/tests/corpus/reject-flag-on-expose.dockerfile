FROM scratch
EXPOSE --foo 80

FROM scratch
ARG --foo a=1
STOPSIGNAL --foo 9
HEALTHCHECK --foo NONE

FROM scratch
HEALTHCHECK --interval=0 --retries=0 CMD true

FROM scratch
ENV a=1 \
    b=2
# comment

LABEL x=y

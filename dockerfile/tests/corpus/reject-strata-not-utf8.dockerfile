FROM scratch
ENV a=ÿ

# café
FROM scratch
ENV a=b

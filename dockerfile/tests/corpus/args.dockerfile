ARG A B=2
ARG T=latest
FROM --platform=linux/amd64 busybox:${T} AS b
ARG A B="x y" C=
FROM b

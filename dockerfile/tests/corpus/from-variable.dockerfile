ARG X
FROM ${X:-busybox}${Y:+z} AS a

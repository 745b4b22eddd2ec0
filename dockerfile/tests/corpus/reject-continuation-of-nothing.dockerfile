FROM scratch
\
# c

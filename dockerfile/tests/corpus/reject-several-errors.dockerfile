FROM scratch
FOO
COPY x
ENV A=1 B

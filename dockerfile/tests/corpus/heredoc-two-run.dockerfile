FROM busybox
RUN cat <<A - <<B
a
A
b
B

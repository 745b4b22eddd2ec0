FROM busybox
RUN <<EOF
echo a
EOF
ENV a=b

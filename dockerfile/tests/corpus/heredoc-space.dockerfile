FROM busybox
RUN cat << EOF
spaced
EOF

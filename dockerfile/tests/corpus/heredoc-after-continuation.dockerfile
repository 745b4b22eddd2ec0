FROM busybox
RUN echo a && \
    cat <<EOF
body
EOF

FROM busybox
RUN <<EOF
echo hello
# not a comment

FROM nothing
echo bye
EOF
RUN echo after

FROM busybox
RUN cat <<EOF > /f && echo done
body
EOF

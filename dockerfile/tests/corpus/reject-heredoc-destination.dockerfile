FROM scratch
COPY a <<EOF
b
EOF

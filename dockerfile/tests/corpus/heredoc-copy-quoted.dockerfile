FROM scratch
COPY <<'EOF' /x
$literal
EOF
ADD <<EOF /y
${expanded:-x}
EOF

FROM busybox
RUN echo "<<EOF"
CMD cat <<EOF

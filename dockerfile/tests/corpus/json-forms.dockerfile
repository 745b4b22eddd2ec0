FROM busybox
RUN ["sh", \
  "-c", "true"]
CMD ["a", "b\u00e9\n"]
ENTRYPOINT []
VOLUME ["/a", "/b c"]
SHELL ["/bin/sh", "-ec"]

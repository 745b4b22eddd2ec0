FROM busybox
RUN echo a # not stripped

FROM busybox
RUN echo \\
RUN echo b

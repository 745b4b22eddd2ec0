FROM busybox
RUN echo a \
# c

RUN echo b

FROM busybox
RUN -- echo hi
RUN echo --network=none
RUN true --mount=x

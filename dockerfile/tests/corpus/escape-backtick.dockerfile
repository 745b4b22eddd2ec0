# escape=`
FROM busybox
ENV a=b `
    c=d
WORKDIR c:\
RUN echo `
  a

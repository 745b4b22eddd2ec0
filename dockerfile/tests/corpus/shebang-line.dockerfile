#!/usr/bin/env docker
# escape=`
FROM scratch
ENV a=b \
  c=d

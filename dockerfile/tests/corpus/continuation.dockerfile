FROM busybox
RUN echo a \
# comment

   b \ 	
  # another \
 && echo \\
RUN echo c\
d

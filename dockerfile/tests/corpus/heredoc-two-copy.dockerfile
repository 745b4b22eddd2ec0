FROM scratch
COPY <<one.txt <<two.txt /d/
1
one.txt
2
two.txt

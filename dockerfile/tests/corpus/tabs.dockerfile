FROM	scratch
ENV	a=b		c=d
EXPOSE	80	443

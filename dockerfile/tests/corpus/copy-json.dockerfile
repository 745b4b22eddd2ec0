FROM scratch
COPY ["a b", "/c d/"]
ADD [ "x" , "y" , "/z/" ]

FROM scratch
LABEL a="héllo – wörld"
ENV b=ü
FROOM x

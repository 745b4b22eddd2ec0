FROM scratch AS x y

FROM scratch AS a-b_c.1
FROM scratch AS Up

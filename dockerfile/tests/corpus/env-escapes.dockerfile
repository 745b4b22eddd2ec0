FROM scratch
ENV c=x\ y d="a\"b" e="a\'b" f='a\"b' g="''" h= j=a"b c"d

#![allow(clippy::unwrap_used)]
use super::*;

fn env(name: &str) -> Option<String> {
    Some(
        match name {
            "PWD" => "/home",
            "SHELL" => "bash",
            "KOREAN" => "한국어",
            "NULL" | "E" => "",
            "A" => "val",
            "F" => "foo/bar/foo.tar.gz",
            "P" => "3000 4000/udp",
            "SPACE" => "abc  def",
            "LEAD" => "  ab c",
            "TRAIL" => "ab c   ",
            "STAR" => "a*b?c\\d",
            _ => return None,
        }
        .to_owned(),
    )
}

fn expanded(text: &str) -> Result<String, String> {
    word(text, '\\', &env).map(|expanded| expanded.text).map_err(|error| error.message)
}

#[test]
fn quotes_and_escapes_go() {
    for (text, expected) in [
        ("hello", "hello"),
        ("he'll'o", "hello"),
        (r"he\'llo", "he'llo"),
        (r"abc\tdef", "abctdef"),
        (r#""abc\tdef""#, r"abc\tdef"),
        (r#""abc\\tdef""#, r"abc\tdef"),
        (r"'abc\tdef'", r"abc\tdef"),
        (r"hello\", "hello"),
        (r"hello\\", r"hello\"),
        (r#""hel'lo""#, "hel'lo"),
        (r"'hello\'", r"hello\"),
        (r#""''""#, "''"),
        ("$.", "$."),
        ("he$1x", "hex"),
        ("he$.x", "he$.x"),
        ("he$pwd.", "he."),
        ("he$PWD", "he/home"),
        (r"he\$PWD", "he$PWD"),
        (r"he\\$PWD", r"he\/home"),
        (r#""he\$PWD""#, "he$PWD"),
        (r#""he\\$PWD""#, r"he\/home"),
        (r"\${}aaa", "${}aaa"),
        ("\"he'$PWD'\"", "he'/home'"),
        (r"'\$PWD'", r"\$PWD"),
        ("'\"hello\"'", "\"hello\""),
        ("안'녕'$KOREAN", "안녕한국어"),
        ("a <<b < c", "a <<b < c"),
        // the reference's rows 27 to 32
        (r"x\ y", "x y"),
        (r#""a\"b""#, "a\"b"),
        (r#""a\'b""#, r"a\'b"),
        (r#"'a\"b'"#, r#"a\"b"#),
        (r#"a"b c"d"#, "ab cd"),
        (r"'a\'b''", r"a\b"),
        (r#""v3a\n\"v3b\"""#, r#"v3a\n"v3b""#),
        (r#""v4a\\nv4b""#, r"v4a\nv4b"),
        ("$Ax ${A}x $1y $@q $$ 100%s", " valx y q  100%s"),
        (r"\$A \${A} '$A'", "$A ${A} $A"),
        ("$001aaa ${999}b $0", "aaa b "),
    ] {
        assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn modifiers_choose_defaults() {
    for (text, expected) in [
        ("he${XXX:-000}xx", "he000xx"),
        ("he${PWD:-000}xx", "he/homexx"),
        ("he${XXX:-${PWD:-yyy}}xx", "he/homexx"),
        ("he${XXX:-${YYY:-yyy}}xx", "heyyyxx"),
        ("he${XXX:+${PWD}}xx", "hexx"),
        ("he${PWD:+${XXX}}xx", "hexx"),
        ("he${PWD:+${SHELL}}xx", "hebashxx"),
        ("he${PWD?}", "he/home"),
        ("he${NULL?}", "he"),
        (r"he${XXX:-\${PWD}z}xx", "he${PWDz}xx"),
        ("${aaa}}", "}"),
        ("${aaa:-bbb}}", "bbb}"),
        ("${aaa:-bbb {foo}", "bbb {foo"),
        ("${1:-bbb}", "bbb"),
        ("${@:-bbb}${*:+b}", "bbb"),
        ("${-:-bbb}", "bbb"),
        ("${U:-d} ${E:-d} ${E-d} ${A:+alt} ${E:+alt} ${E+alt} ${U+alt}", "d d  alt  alt "),
        ("${U:-'a  b'\"$A\"}", "a  bval"),
    ] {
        assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn modifiers_cut_and_replace() {
    for (text, expected) in [
        ("${F#*/}", "bar/foo.tar.gz"),
        ("${F##*/}", "foo.tar.gz"),
        ("${F%.*}", "foo/bar/foo.tar"),
        ("${F%%.*}", "foo/bar/foo"),
        ("${F/foo/X}", "X/bar/foo.tar.gz"),
        ("${F//foo/X}", "X/bar/X.tar.gz"),
        (r"${F//\//-}", "foo-bar-foo.tar.gz"),
        ("${F/o*r/-}", "f-.gz"),
        ("${F//?o/-}", "-o/bar/-o.tar.gz"),
        ("${F/zzz/-}", "foo/bar/foo.tar.gz"),
        ("${F/foo/$A}", "val/bar/foo.tar.gz"),
        ("${F#$XXX}", "foo/bar/foo.tar.gz"),
        ("${F#}", "foo/bar/foo.tar.gz"),
        ("${F%}", "foo/bar/foo.tar.gz"),
        ("${F##*}", ""),
        ("${F%%*}", ""),
        ("${F#?}", "oo/bar/foo.tar.gz"),
        ("${F%?}", "foo/bar/foo.tar.g"),
        ("${F#[f]}", "foo/bar/foo.tar.gz"),
        (r"${STAR#a\*}", "b?c\\d"),
        (r"${STAR%\\d}", "a*b?c"),
        (r"${STAR/\?/-}", "a*b-c\\d"),
        ("${A///-}", "-v-a-l-"),
        ("${A//*/-}", "-"),
        ("${XXX#a}${XXX//a/b}", ""),
        ("${KOREAN%?}", "한국"),
    ] {
        assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn errors_say_what_is_wrong() {
    for (text, expected) in [
        ("he'llo", "unexpected end of statement while looking for matching single-quote"),
        ("\"hello", "unexpected end of statement while looking for matching double-quote"),
        (r#""hello\""#, "unexpected end of statement while looking for matching double-quote"),
        ("${}", "syntax error: bad substitution"),
        ("${{aaa}", "syntax error: bad substitution"),
        ("${:-bbb}", "syntax error: bad substitution"),
        ("${", "syntax error: missing '}'"),
        ("${abc", "syntax error: missing '}'"),
        ("${abc:", "syntax error: missing '}'"),
        ("${aaa:-bbb ${foo}", "syntax error: missing '}'"),
        ("${F/a", "syntax error: missing '/' in ${}"),
        ("${F/a/b", "syntax error: missing '}'"),
        ("he${.}", "unsupported modifier (.) in substitution"),
        ("he${PWD:=000}xx", "unsupported modifier (:=) in substitution"),
        ("he${XXX:YYY}", "unsupported modifier (:Y) in substitution"),
        ("${F:#a}", "unsupported modifier (:#) in substitution"),
        ("${U:?boom msg}", "U: boom msg"),
        ("${U?}", "U: is not allowed to be unset"),
        ("${E:?}", "E: is not allowed to be empty"),
        (r"${F#\q}", r"invalid pattern (\q) in substitution: invalid escape '\q'"),
    ] {
        assert_eq!(expanded(text), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn words_are_split_after_expansion() {
    let cases: [(&str, &[&str]); 16] = [
        ("hello${XX}bye", &["hellobye"]),
        ("hello${SPACE}bye", &["helloabc", "defbye"]),
        ("hello\"${SPACE}\"bye", &["helloabc  defbye"]),
        ("hello \"${SPACE}\"bye", &["hello", "abc  defbye"]),
        ("hello${LEAD}def", &["hello", "ab", "cdef"]),
        ("hello\"${LEAD}\" def", &["hello  ab c", "def"]),
        ("hello${TRAIL}d", &["helloab", "c", "d"]),
        ("hel\"lo${TRAIL}\"", &["helloab c   "]),
        ("hello\" there  \"", &["hello there  "]),
        ("  hello     there ", &["hello", "there"]),
        (r"hello\ there", &["hello there"]),
        (r#"hello\" there"#, &["hello\"", "there"]),
        ("$P", &["3000", "4000/udp"]),
        ("80${U:-81} \"\" 82", &["8081", "82"]),
        ("", &[]),
        ("a\u{a0}b", &["a", "b"]),
    ];
    for (text, expected) in cases {
        assert_eq!(words(text, '\\', &env).unwrap(), expected, "{text}");
    }
    assert!(words("hello\" there", '\\', &env).is_err());
}

#[test]
fn heredoc_bodies_keep_quotes() {
    let vars = BTreeMap::from([("V".to_owned(), "env".to_owned()), ("A".to_owned(), "arg".to_owned())]);
    let body = "$V ${A} ${U:-dd} '$V' \"$V\" \\$V \\\\ \\n a\nb";
    let expanded = heredoc(body, &vars).unwrap();
    assert_eq!(expanded.text, "env arg dd 'env' \"env\" $V \\ n a\nb");
    assert_eq!(expanded.used, ["V", "A", "U"]);
    assert_eq!(expanded.unset, ["U"]);
    assert!(heredoc("it's \"", &vars).is_ok());
}

#[test]
fn the_escape_may_be_the_backtick() {
    let expanded = word("`$A c:\\dir `` \"`\"\"", '`', &env).unwrap();
    assert_eq!(expanded.text, "$A c:\\dir ` \"");
    assert_eq!(expanded.used, Vec::<String>::new());
}

#[test]
fn hostile_nesting_and_patterns_end_in_errors() {
    let deep = "${a:-".repeat(50_000) + &"}".repeat(50_000);
    assert!(expanded(&deep).unwrap_err().contains("nested deeper"));
    let long = |_: &str| Some("a".repeat(60_000));
    let text = format!("${{x//{}b/c}}", "*a".repeat(1_000));
    let error = word(&text, '\\', &long).unwrap_err();
    assert!(error.message.contains("too long"), "{error}");
}

#[test]
fn texts_that_grow_without_end_are_errors() {
    let long = |name: &str| Some(name.repeat(1 << 16));
    for text in [
        "$a".repeat(300),
        format!("\"{}\"", "$a".repeat(300)),
        format!("${{a:+{}}}", "$a".repeat(300)),
        "${a//a/$bb}".to_owned(),
    ] {
        let error = word(&text, '\\', &long).unwrap_err();
        assert!(error.message.contains("expands to more"), "{error}");
    }
}

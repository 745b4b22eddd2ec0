//! Commands, and what the scanner says of them.

use super::{Body, Unreadable, read};

fn body(command: &str) -> Body {
    read(command, false).unwrap_or_else(|unreadable| panic!("{command}: {unreadable}"))
}

#[test]
fn lists_of_simple_commands_can_be_joined() {
    for command in [
        "a",
        "a && b",
        "a b c && d e",
        "a | b && c",
        "! a",
        "A=1 a",
        "A=1 B=\"$C\" a && b",
        "a > f 2>&1 < g >> h",
        "a 2>/dev/null",
        "> f a",
        "a \"b && c; d & e\" 'f | g' \\; \\&",
        "a $(b; c || d) `e; f` ${g:-h;i}",
        "a $((1 + 2)) $((x == y)) $((x <= y)) $((x != y))",
        "a#b",
        "a '#' \\# \"#\"",
        "echo cd exit set",
        "/bin/cd x",
        "[ -f a ] && b",
        "test $# = 0",
        "a \"$(b \"$(c 'd)')\")\"",
        "a 'if' for",
        "a if then else",
        "apt-get update && apt-get install -y --no-install-recommends curl=7.* && rm -rf /var/lib/apt/lists/*",
        "a {b,c}",
        "a >&2",
        "a <&3",
        "a =b c=d",
        "=a",
        "1a=b",
        "set-e",
    ] {
        let body = body(command);
        assert!(body.and_list && !body.changes_shell && !body.background && !body.comment, "{command}: {body:?}");
    }
}

#[test]
fn other_lists_and_compound_commands_cannot() {
    for command in [
        "a; b",
        "a;",
        "a || b",
        "a && b || c",
        "a\nb",
        "(a)",
        "{ a; }",
        "if a; then b; fi",
        "for a in b; do c; done",
        "while a; do b; done",
        "until a; do b; done",
        "case a in b) c ;; esac",
        "f() { a; }",
        "function f { a; }",
        "[[ a ]]",
        "time a",
        "((1))",
        "$A b",
        "\"$A\" b",
        "`a`",
        "~/a",
        "./*.sh",
        "{a,b}",
        "[c]d /",
        "a &&",
        "&& a",
        "a |& b",
        "",
        "# a",
        "> f",
        "a && # b",
    ] {
        assert!(!body(command).and_list, "{command}");
    }
}

#[test]
fn changes_of_the_shell_are_seen() {
    for command in [
        "cd a",
        "a && cd b",
        "cd a && b",
        "\"cd\" a",
        "c\\d a",
        "'c'd a",
        "! cd a",
        "A=1 cd b",
        "export A=1",
        "A=1",
        "A=1 && b",
        "A+=1",
        "A[1]=2",
        "a && A=",
        "unset A",
        "umask 022",
        "set -e",
        "ulimit -n 1",
        "trap a EXIT",
        "alias a=b",
        ". a",
        "source a",
        "eval a",
        "exec a",
        "exit",
        "return",
        "read a",
        "readonly a",
        "a ${b:=c}",
        "a \"${b=c}\"",
        "a $((b = 1))",
        "a $((b += 1))",
        "a $((b++))",
        "a $((--b))",
        "a $((b <<= 1))",
        "command cd a",
        "builtin cd a",
        "pushd a",
        "shopt -s a",
        "> f cd a",
        "2>f cd a",
    ] {
        assert!(body(command).changes_shell, "{command}");
    }
    assert!(read("printf -v a b", true).is_ok_and(|body| body.changes_shell), "bash alone sets variables by printf");
    assert!(!body("printf a").changes_shell);
}

#[test]
fn what_is_left_running_is_seen_wherever_it_stands() {
    for command in [
        "a &",
        "a & b",
        "a && b &",
        "(a &)",
        "{ a & }",
        "if a; then b & fi",
        "a $(b &)",
        "a \"$(b & c)\"",
        "a `b &`",
        "a \"`b & c`\"",
        "a ${b:-$(c &)}",
        "a &> f",
        "coproc a",
        "a & wait",
    ] {
        assert!(body(command).background, "{command}");
    }
    for command in ["a && b", "a 2>&1", "a >&2", "a <&3", "a '&'", "a \"&\"", "a \\&", "a b&&c", "a # &"] {
        assert!(!body(command).background, "{command}");
    }
    assert!(read("a &> f", true).is_ok_and(|body| !body.background && body.and_list), "bash redirects by &>");
    assert!(read("a &>> f", true).is_ok_and(|body| !body.background));
    assert!(read("a <(b)", true).is_ok_and(|body| body.background), "a process substitution runs beside the command");
}

#[test]
fn comments_begin_where_a_word_would() {
    for command in ["a # b", "a; # b", "a &&#b", "#a", "a $(b) # c", "a '\n' # b"] {
        assert!(body(command).comment, "{command}");
    }
    for command in ["a#b", "a '# b'", "a \"# b\"", "a \\# b", "a $#", "a ${#b}", "a ${b#c} ${b##c}"] {
        assert!(!body(command).comment, "{command}");
    }
}

#[test]
fn what_has_no_end_is_unreadable() {
    for (command, expected) in [
        ("a 'b", Unreadable::Quote),
        ("a \"b", Unreadable::Quote),
        ("a \"b\\\"", Unreadable::Quote),
        ("a 'b' 'c", Unreadable::Quote),
        ("a $(b", Unreadable::Expansion),
        ("a $(b 'c)", Unreadable::Quote),
        ("a $(b # c)", Unreadable::Expansion),
        ("a ${b", Unreadable::Expansion),
        ("a $((1 + 2)", Unreadable::Arithmetic),
        ("a $((1 + 2", Unreadable::Expansion),
        ("a `b", Unreadable::Expansion),
        ("a \\", Unreadable::Backslash),
        ("a << b", Unreadable::HereDocument),
        ("a <<< b", Unreadable::HereDocument),
        ("a $(case b in c) d ;; esac)", Unreadable::Case),
        ("a $'b\\'c'", Unreadable::AnsiQuote),
        ("a $((b) | c)", Unreadable::Arithmetic),
        ("a $(( $(b) ))", Unreadable::Arithmetic),
    ] {
        assert_eq!(read(command, false), Err(expected), "{command}");
    }
    assert!(read("a <<< b", true).is_ok_and(|body| body.and_list));
    assert!(read("a $'b\\'c' && d", true).is_ok_and(|body| body.and_list));
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| format!("a {}{}", "$(".repeat(depth), ")".repeat(depth));
    assert!(read(&nested(30), false).is_ok());
    assert_eq!(read(&nested(100_000), false), Err(Unreadable::Depth));
    let braces = |depth: usize| format!("a {}{}", "${b:-".repeat(depth), "}".repeat(depth));
    assert_eq!(read(&braces(100_000), false), Err(Unreadable::Depth));
    let quotes = format!("a {}", "\"$(".repeat(100_000));
    assert_eq!(read(&quotes, false), Err(Unreadable::Depth));
}

#[test]
fn a_word_is_read_once_however_many_equals_signs_it_has() {
    for word in ["=", "]=", "a-="] {
        let body = body(&word.repeat(1 << 19));
        assert!(body.and_list && !body.changes_shell, "{word}");
    }
    for assignment in ["A=", "A+=", "A[1]=", "A[b=c]+=d"] {
        assert!(body(assignment).changes_shell, "{assignment}");
    }
}

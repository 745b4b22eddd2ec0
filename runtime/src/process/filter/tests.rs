//! The program, run by a small machine as the kernel has it, and the table against the C library's numbers.

#![allow(clippy::unwrap_used)]

use super::{
    ALLOW, Instruction, REFUSE, UNKNOWN, program,
    table::{AARCH64, ARM, Convention, I386, REFUSED, X86_64},
};

/// What `program` answers to a call with one argument.
fn run(program: &[Instruction], audit: u32, number: u32, argument: u32) -> u32 {
    let (mut at, mut value) = (0_usize, 0_u32);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let holds = match u32::from(code) {
            0x20 => {
                value = [number, audit, 0, 0, argument][k as usize / 4];
                continue;
            }
            0x05 => {
                at += k as usize;
                continue;
            }
            0x06 => return k,
            0x15 => value == k,
            0x25 => value > k,
            0x35 => value >= k,
            0x45 => value & k != 0,
            other => panic!("no such instruction: {other:#x}"),
        };
        at += usize::from(if holds { jt } else { jf });
    }
}

fn on(convention: &Convention, number: u32, argument: u32) -> u32 {
    run(&program(&[*convention]), convention.audit, number, argument)
}

#[test]
fn ordinary_calls_are_allowed_refused_ones_fail_and_unknown_ones_are_missing() {
    // write, mount
    for (convention, write, mount) in [(X86_64, 1, 165), (I386, 4, 21), (AARCH64, 64, 40), (ARM, 4, 21)] {
        assert_eq!(on(&convention, write, 0), ALLOW, "{convention:?}");
        assert_eq!(on(&convention, mount, 0), REFUSE, "{convention:?}");
        for unknown in [435, 467, 1000, 0xe_ffff, 0xf_0000, 0xf_0003, 0xf_0007, 0x4000_0001, u32::MAX] {
            assert_eq!(on(&convention, unknown, 0), UNKNOWN, "{unknown:#x} {convention:?}");
        }
        assert_eq!(on(&convention, 466, 0), ALLOW);
    }
    assert_eq!(on(&ARM, 0xf_0005, 0), ALLOW, "set_tls");
    assert_eq!(on(&X86_64, 400, 0), UNKNOWN);
}

#[test]
fn every_number_has_the_answer_of_its_row() {
    for convention in [X86_64, I386, AARCH64, ARM] {
        let program = program(&[convention]);
        let refused: Vec<u32> = REFUSED.iter().map(|row| row[convention.column]).collect();
        for number in 0..=466 {
            let answer = run(&program, convention.audit, number, 0);
            assert_eq!(answer == REFUSE, refused.contains(&number), "{number} {convention:?}");
        }
    }
}

#[test]
fn a_clone_with_namespaces_is_refused_cve_2022_0185() {
    for convention in [X86_64, I386, AARCH64, ARM] {
        assert_eq!(on(&convention, convention.clone, 0x0120_0011), ALLOW, "as fork has it");
        // user, mount, cgroup, uts, ipc, pid, net
        for bit in [28, 17, 25, 26, 27, 29, 30] {
            assert_eq!(on(&convention, convention.clone, (1 << bit) | 0x11), REFUSE, "{bit}");
        }
    }
}

#[test]
fn sockets_of_the_kernels_crypto_and_of_the_host_are_refused_cve_2026_31431() {
    for convention in [X86_64, I386, AARCH64, ARM] {
        let refused = [12, 19, 20, 23, 25, 34, 37, 38, 40];
        for family in (0..100).chain([u32::MAX]) {
            let expected = if refused.contains(&family) || family > 45 { REFUSE } else { ALLOW };
            assert_eq!(on(&convention, convention.socket, family), expected, "{family}");
        }
    }
}

#[test]
fn a_personality_is_linux() {
    for (value, expected) in
        [(0, ALLOW), (8, ALLOW), (0x2_0008, ALLOW), (u32::MAX, ALLOW), (1, REFUSE), (0x4_0000, REFUSE)]
    {
        assert_eq!(on(&X86_64, X86_64.personality, value), expected, "{value:#x}");
    }
}

#[test]
fn another_machines_calls_end_the_process() {
    let program = program(&[X86_64, I386]);
    assert_eq!(run(&program, I386.audit, 4, 0), ALLOW);
    assert_eq!(run(&program, AARCH64.audit, 64, 0), libc::SECCOMP_RET_KILL_PROCESS);
}

#[test]
fn the_numbers_are_the_c_librarys() {
    let own = super::NATIVE[0];
    let all = [
        libc::SYS_acct,
        libc::SYS_add_key,
        libc::SYS_bpf,
        libc::SYS_clock_settime,
        libc::SYS_delete_module,
        libc::SYS_fanotify_init,
        libc::SYS_finit_module,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_fsopen,
        libc::SYS_fspick,
        libc::SYS_get_mempolicy,
        libc::SYS_init_module,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_io_uring_setup,
        libc::SYS_kcmp,
        libc::SYS_kexec_load,
        libc::SYS_keyctl,
        libc::SYS_mbind,
        libc::SYS_mount,
        libc::SYS_mount_setattr,
        libc::SYS_move_mount,
        libc::SYS_open_by_handle_at,
        libc::SYS_open_tree,
        libc::SYS_perf_event_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pivot_root,
        libc::SYS_process_madvise,
        libc::SYS_quotactl,
        libc::SYS_quotactl_fd,
        libc::SYS_reboot,
        libc::SYS_request_key,
        libc::SYS_set_mempolicy,
        libc::SYS_sethostname,
        libc::SYS_setns,
        libc::SYS_settimeofday,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_syslog,
        libc::SYS_umount2,
        libc::SYS_unshare,
        libc::SYS_userfaultfd,
        libc::SYS_vhangup,
    ];
    for number in all {
        let number = u32::try_from(number).unwrap();
        assert!(REFUSED.iter().any(|row| row[own.column] == number), "{number}");
    }
    let (clone, clone3) = (libc::SYS_clone, libc::SYS_clone3);
    let (personality, socket) = (libc::SYS_personality, libc::SYS_socket);
    let listed = [own.clone, super::CLONE3, own.personality, own.socket];
    assert_eq!(listed.map(i64::from), [clone, clone3, personality, socket]);
}

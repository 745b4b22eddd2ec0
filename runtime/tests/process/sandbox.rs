//! What a sandbox keeps from a process, and that an insecure one keeps nothing.

use std::fs;

use strata_runtime::{
    process::{Exit, Security, Spec},
    user::User,
};

use crate::rootfs::{Rootfs, shell};

#[test]
fn system_calls_are_filtered_and_programs_with_setuid_bits_still_work() {
    let Some(rootfs) = Rootfs::new() else { return };
    let status = rootfs.shell("grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status");
    assert_eq!(status, "NoNewPrivs:\t0\nSeccomp:\t2\n");
}

#[test]
fn devices_that_an_image_brings_or_a_step_makes_cannot_be_opened() {
    let rootfs = Rootfs::with_every_id(|root| {
        let number = rustix::fs::makedev(1, 5);
        let kind = rustix::fs::FileType::CharacterDevice;
        rustix::fs::mknodat(rustix::fs::CWD, root.join("brought"), kind, 0o666.into(), number).unwrap();
    });
    let Some(rootfs) = rootfs else { return };
    let script = "for path in /made /tmp/made /dev/made /dev/shm/made; do mknod $path c 1 5 || echo $path; done
        for path in /brought /made /tmp/made /dev/made /dev/shm/made; do
            (head -c 1 $path) >/dev/null 2>&1 && echo $path can be read
        done
        head -c 1 /dev/zero | wc -c";
    assert_eq!(rootfs.shell(script), "1\n");
    // in the layer it is a device
    let made = fs::symlink_metadata(rootfs.path().join("made")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::rdev(&made), rustix::fs::makedev(1, 5));
}

#[test]
fn an_insecure_process_has_every_capability_no_filter_no_masks_and_more_devices() {
    let Some(rootfs) = Rootfs::with_every_id(|_| {}) else { return };
    let script = "grep -E '^(CapPrm|CapEff|CapBnd|CapInh|Seccomp):' /proc/self/status
        cat /proc/self/mounts; echo --; ls /dev
        mount -t tmpfs none /tmp && umount /tmp && echo mounted
        echo renamed > /proc/sys/kernel/hostname; hostname
        mknod /zero c 1 5; head -c 1 /zero | wc -c";
    let spec = Spec { security: Security::Insecure, ..shell(script) };
    let output = rootfs.run(&spec).unwrap();
    assert_eq!(output.exit, Exit::Code(0), "{output:?}");
    let ours = fs::read_to_string("/proc/self/status").unwrap();
    let ours = ours.lines().find_map(|line| line.strip_prefix("CapPrm:\t")).unwrap();
    let expected =
        format!("CapInh:\t0000000000000000\nCapPrm:\t{ours}\nCapEff:\t{ours}\nCapBnd:\t{ours}\nSeccomp:\t0\n");
    assert!(output.stdout.starts_with(&expected), "{output:?}");
    assert!(output.stdout.ends_with("mounted\nrenamed\n1\n"), "{output:?}");
    assert!(output.stdout.contains("\nsysfs /sys sysfs rw,"), "{output:?}");
    assert!(output.stdout.contains("\nloop-control\n"), "{output:?}");
    for masked in ["/proc/sys", "/proc/keys", "/sys/firmware"] {
        assert!(!output.stdout.contains(&format!(" {masked} ")), "{masked}: {output:?}");
    }
}

#[test]
fn an_insecure_process_of_another_user_has_no_capabilities() {
    let Some(rootfs) = Rootfs::with_every_id(|_| {}) else { return };
    let mut spec = shell("grep -E '^Cap(Prm|Eff):' /proc/self/status");
    spec.security = Security::Insecure;
    spec.user = User { uid: 1000, ..User::default() };
    let output = rootfs.run(&spec).unwrap();
    assert_eq!(output.stdout, "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n");
}

/// A program that makes one system call, and exits with the error number.
#[cfg(target_arch = "x86_64")]
mod calls {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use strata_runtime::{
        process::{Exit, Security},
        user::User,
    };

    use crate::rootfs::{Rootfs, command};

    const EPERM: u8 = 1;
    const ENOSYS: u8 = 38;

    /// An ELF program of one segment that is all of it.
    fn program(number: u32, arguments: [u32; 3], instruction: [u8; 2]) -> Vec<u8> {
        let mut code = Vec::new();
        // mov eax; then edi, esi, edx for syscall, and ebx, ecx (edx is there) for int 0x80
        for (opcode, value) in [
            (0xb8, number),
            (0xbf, arguments[0]),
            (0xbe, arguments[1]),
            (0xba, arguments[2]),
            (0xbb, arguments[0]),
            (0xb9, arguments[1]),
        ] {
            code.push(opcode);
            code.extend(u32::to_le_bytes(value));
        }
        code.extend(instruction);
        // neg eax; mov edi, eax; mov eax, exit_group; syscall
        code.extend([0xf7, 0xd8, 0x89, 0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05]);
        let address = 0x40_0000_u64;
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
        for word in [address + 120, 64, 0] {
            file.extend(u64::to_le_bytes(word));
        }
        file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
        file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
        let length = 120 + u64::try_from(code.len()).unwrap();
        for word in [0, address, address, length, length, 0x1000] {
            file.extend(u64::to_le_bytes(word));
        }
        file.extend(code);
        file
    }

    const SYSCALL: [u8; 2] = [0x0f, 0x05];
    const INT_0X80: [u8; 2] = [0xcd, 0x80];

    #[test]
    fn calls_that_docker_refuses_fail_as_there() {
        const NEW_USER: u32 = 0x1000_0000;
        let cases: [(&str, u32, [u32; 3], u8); 18] = [
            ("getuid", 102, [0; 3], 0),
            ("keyctl", 250, [0, u32::MAX - 2, 0], EPERM),
            ("add_key", 248, [0; 3], EPERM),
            ("request_key", 249, [0; 3], EPERM),
            ("unshare", 272, [NEW_USER, 0, 0], EPERM),
            ("clone", 56, [NEW_USER | 0x11, 0, 0], EPERM),
            ("clone3", 435, [0; 3], ENOSYS),
            ("io_uring_setup", 425, [1, 0, 0], EPERM),
            ("get_mempolicy", 239, [0; 3], EPERM),
            ("personality", 135, [1, 0, 0], EPERM),
            ("personality, as it is", 135, [u32::MAX, 0, 0], 0),
            ("socket of AF_ALG, CVE-2026-31431", 41, [38, 5, 0], EPERM),
            ("socket of AF_VSOCK", 41, [40, 1, 0], EPERM),
            ("fsopen", 430, [0, 0, 0], EPERM),
            ("userfaultfd", 323, [1, 0, 0], EPERM),
            ("the size of the kernel's log", 103, [10, 0, 0], EPERM),
            ("a call after the profile's time", 467, [u32::MAX, 0, 0], ENOSYS),
            ("x32", 0x4000_0000 + 102, [0; 3], ENOSYS),
        ];
        let rootfs = Rootfs::with_every_id(|root| {
            for (place, (_, number, arguments, _)) in cases.iter().enumerate() {
                let path = root.join(format!("bin/call{place}"));
                fs::write(&path, program(*number, *arguments, SYSCALL)).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
        });
        let Some(rootfs) = rootfs else { return };
        for (place, (name, .., expected)) in cases.iter().enumerate() {
            let exit = rootfs.run(&command(&[&format!("call{place}")])).unwrap().exit;
            assert_eq!(exit, Exit::Code(*expected), "{name}");
        }
        // others than root, too; and not at all who is insecure: the key's name is a null pointer
        let mut spec = command(&["call2"]);
        spec.user = User { uid: 1000, ..User::default() };
        assert_eq!(rootfs.run(&spec).unwrap().exit, Exit::Code(EPERM));
        spec = command(&["call2"]);
        spec.security = Security::Insecure;
        assert_ne!(rootfs.run(&spec).unwrap().exit, Exit::Code(EPERM));
    }

    #[test]
    fn the_calls_of_32_bit_programs_are_filtered_too() {
        let cases = [("getuid", 24, 0), ("add_key", 286, EPERM), ("clone3", 435, ENOSYS)];
        let rootfs = Rootfs::with(|root| {
            for (name, number, _) in cases {
                let path = root.join("bin").join(name);
                fs::write(&path, program(number, [0; 3], INT_0X80)).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
        });
        let Some(rootfs) = rootfs else { return };
        for (name, _, expected) in cases {
            match rootfs.run(&command(&[name])).unwrap().exit {
                Exit::Signal(11) => return eprintln!("skipped: this kernel runs no 32-bit programs"),
                exit => assert_eq!(exit, Exit::Code(expected), "{name}"),
            }
        }
    }
}

//! What a command sees.

use std::fs;

use strata_runtime::process::{Exit, Mount, MountSource, Network};

use crate::rootfs::{Rootfs, command, shell};

#[test]
fn capabilities_are_dockers() {
    let Some(rootfs) = Rootfs::new() else { return };
    let status = rootfs.shell("grep -E 'Cap|NoNewPrivs' /proc/self/status | cat");
    assert_eq!(
        status,
        "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n\
         CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\n"
    );
}

#[test]
fn the_command_is_process_1_of_its_own_namespaces() {
    let Some(rootfs) = Rootfs::new() else { return };
    let inside = rootfs.shell("echo $$; for n in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$n; done");
    let mut lines = inside.lines();
    assert_eq!(lines.next(), Some("1"));
    for (name, inside) in ["cgroup", "ipc", "mnt", "net", "pid", "uts"].iter().zip(lines) {
        let ours = fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        assert!(inside.starts_with(name), "{inside}");
        assert_ne!(ours.to_str(), Some(inside));
    }
}

#[test]
fn only_the_standard_streams_are_open() {
    let Some(rootfs) = Rootfs::new() else { return };
    assert_eq!(rootfs.shell("ls /proc/1/fd; true"), "0\n1\n2\n");
}

#[test]
fn dev_has_dockers_devices_and_links() {
    let Some(rootfs) = Rootfs::new() else { return };
    assert_eq!(
        rootfs.shell("cd /dev; echo *"),
        "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero\n"
    );
    assert_eq!(
        rootfs.shell("cd /dev; stat -c '%n %F %a %t:%T' full null random tty urandom zero"),
        "full character special file 666 1:7\nnull character special file 666 1:3\n\
         random character special file 666 1:8\ntty character special file 666 5:0\n\
         urandom character special file 666 1:9\nzero character special file 666 1:5\n"
    );
    rootfs.shell("echo x > /dev/null; test $(head -c 3 /dev/zero | wc -c) = 3 || test 1; echo > /dev/shm/file");
}

#[test]
fn kernel_interfaces_are_masked_or_read_only() {
    let Some(rootfs) = Rootfs::new() else { return };
    let script = "for f in keys timer_list kcore interrupts; do
            test -e /proc/$f && test -n \"$(head -c 1 /proc/$f)\" && echo $f readable
        done
        test -e /proc/acpi && ls /proc/acpi
        for f in sys/kernel/hostname sysrq-trigger irq/x bus/x fs/x acpi/x; do
            (echo x > /proc/$f) 2>/dev/null && echo $f written
        done
        (echo x > /sys/kernel/profiling) 2>/dev/null && echo sys written
        mkdir /sys/fs/cgroup/x 2>/dev/null && echo cgroup written
        mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
        true";
    assert_eq!(rootfs.shell(script), "");
}

#[test]
fn the_mounts_are_dockers() {
    let Some(rootfs) = Rootfs::with_every_id(|_| {}) else { return };
    let mounts = rootfs.shell("cat /proc/self/mounts");
    for expected in [
        "proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0",
        "sysfs /sys sysfs ro,nosuid,nodev,noexec,relatime 0 0",
        "/dev/mqueue mqueue rw,nosuid,nodev,noexec,relatime",
        "/dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666",
        "/dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k",
        "proc /proc/sys proc ro,nosuid,nodev,noexec,relatime",
    ] {
        assert!(mounts.contains(expected), "no {expected} in\n{mounts}");
    }
}

#[test]
fn hostname_hosts_and_resolver_are_private() {
    let Some(rootfs) = Rootfs::new() else { return };
    let script = "hostname; head -n 1 /etc/hosts; echo 1.2.3.4 other >> /etc/hosts; echo >> /etc/resolv.conf";
    assert_eq!(rootfs.shell(script), "container\n127.0.0.1\tlocalhost container\n");
    assert!(!fs::read_to_string("/etc/hosts").unwrap().contains("1.2.3.4 other"));
    assert!(!rootfs.path().join("etc/hosts").exists());
    let resolv_conf = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    assert_eq!(rootfs.shell("cat /etc/resolv.conf"), resolv_conf);
}

#[test]
fn without_a_network_there_is_loopback_alone_and_it_is_up() {
    let Some(rootfs) = Rootfs::new() else { return };
    let links = rootfs.shell("ip -o link");
    assert_eq!(links.lines().count(), 1, "{links}");
    assert!(links.contains("lo: <LOOPBACK,UP,LOWER_UP>"), "{links}");
    assert!(rootfs.shell("ip -o addr").contains("127.0.0.1/8"));
}

#[test]
fn the_hosts_network_is_the_hosts() {
    let Some(rootfs) = Rootfs::new() else { return };
    let spec = strata_runtime::process::Spec {
        network: Network::Host,
        ..shell("readlink /proc/self/ns/net; ls /sys/class/net | cat")
    };
    let output = rootfs.run(&spec).unwrap();
    let ours = fs::read_link("/proc/self/ns/net").unwrap();
    assert_eq!(output.stdout.lines().next(), ours.to_str());
    assert!(output.stdout.lines().any(|name| name == "lo"), "{output:?}");
}

#[test]
fn the_environment_is_what_was_given_and_nothing_more() {
    let Some(rootfs) = Rootfs::new() else { return };
    let mut spec = command(&["/bin/cat", "/proc/self/environ"]);
    spec.env = vec!["B=2".into(), "A=1".into()];
    assert_eq!(rootfs.run(&spec).unwrap().stdout, "B=2\0A=1\0");
}

#[test]
fn the_umask_is_022_and_no_signal_is_blocked_or_ignored() {
    let Some(rootfs) = Rootfs::new() else { return };
    assert_eq!(rootfs.shell("umask"), "0022\n");
    let output = rootfs.run(&command(&["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"])).unwrap();
    assert_eq!(output.stdout, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

#[test]
fn a_read_only_root_refuses_writes_and_leaves_dev_and_the_private_files_writable() {
    let Some(rootfs) = Rootfs::new() else { return };
    let mut spec =
        shell("(echo > /x) 2>/dev/null && echo written; echo > /dev/shm/x; echo >> /etc/hosts; echo > /dev/null");
    spec.read_only = true;
    let output = rootfs.run(&spec).unwrap();
    assert_eq!((output.exit, output.stdout.as_str()), (Exit::Code(0), ""), "{output:?}");
    // the caller's own mount is as it was
    rootfs.shell("echo > /x");
}

#[test]
fn binds_show_the_host_and_a_read_only_one_is_read_only_throughout() {
    let Some(rootfs) = Rootfs::new() else { return };
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("file"), "from the host").unwrap();
    let bind = |destination: &str, read_only| Mount {
        source: MountSource::Host(host.path().into()),
        destination: destination.into(),
        read_only,
    };
    let mut spec = shell(
        "cat /rw/file /deep/er/file; echo more > /rw/new
         (echo > /ro/new2) 2>/dev/null && echo written; (echo > /ro/inner/x) 2>/dev/null && echo inner written; true",
    );
    spec.mounts = vec![
        bind("/rw", false),
        bind("/deep/er", false),
        bind("/ro", true),
        bind("/ro/inner", true),
        Mount {
            source: MountSource::Host(host.path().join("file")),
            destination: "/etc/single".into(),
            read_only: false,
        },
    ];
    let output = rootfs.run(&spec).unwrap();
    assert_eq!(output.stdout, "from the hostfrom the host", "{output:?}");
    assert_eq!(fs::read_to_string(host.path().join("new")).unwrap(), "more\n");
    for gone in ["rw", "deep", "ro", "etc/single"] {
        assert!(!rootfs.path().join(gone).exists(), "{gone} is left");
    }
    assert!(!host.path().join("inner").exists());
}

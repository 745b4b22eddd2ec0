//! The system calls that docker's default profile does not allow to a container with docker's capabilities, by their
//! numbers in each calling convention. What is not here and has a number up to [`LAST`] is allowed, and with that what
//! no kernel has any more, such as `create_module`.

/// A call that a calling convention does not have.
const NONE: u32 = u32::MAX;

/// The newest call that the profile knows: `removexattrat`. Programs that find a later one missing do without.
pub(super) const LAST: u32 = 466;

/// A calling convention of the kernel (`AUDIT_ARCH_*` of linux/audit.h), and where it is in [`REFUSED`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Convention {
    pub(super) audit: u32,
    pub(super) column: usize,
    pub(super) clone: u32,
    pub(super) personality: u32,
    pub(super) socket: u32,
    /// First and last of numbers that had no call when the profile was made.
    pub(super) unassigned: &'static [(u32, u32)],
    /// First and last of numbers beyond [`LAST`] that are calls all the same.
    pub(super) beyond: &'static [(u32, u32)],
}

pub(super) const X86_64: Convention = Convention {
    audit: 0xc000_003e,
    column: 0,
    clone: 56,
    personality: 135,
    socket: 41,
    unassigned: &[(336, 423)],
    beyond: &[],
};
pub(super) const I386: Convention = Convention {
    audit: 0x4000_0003,
    column: 1,
    clone: 120,
    personality: 136,
    socket: 359,
    unassigned: &[(387, 392)],
    beyond: &[],
};
pub(super) const AARCH64: Convention = Convention {
    audit: 0xc000_00b7,
    column: 2,
    clone: 220,
    personality: 92,
    socket: 198,
    unassigned: &[(244, 259), (295, 423)],
    beyond: &[],
};
pub(super) const ARM: Convention = Convention {
    audit: 0x4000_0028,
    column: 3,
    clone: 120,
    personality: 136,
    socket: 281,
    unassigned: &[],
    // breakpoint and cacheflush, set_tls and get_tls
    beyond: &[(0xf_0001, 0xf_0002), (0xf_0005, 0xf_0006)],
};

/// `clone3` has one number everywhere. Its flags are in memory, where a filter cannot see them.
pub(super) const CLONE3: u32 = 435;

/// One row a call: its numbers on `x86_64`, `i386`, `aarch64` and `arm`.
#[rustfmt::skip]
pub(super) const REFUSED: [[u32; 4]; 79] = [
    [163, 51, 89, 51], // acct
    [248, 286, 217, 309], // add_key
    [321, 357, 280, 386], // bpf
    [227, 264, 112, 262], // clock_settime
    [NONE, 404, NONE, 404], // clock_settime64
    [176, 129, 106, 129], // delete_module
    [300, 338, 262, 367], // fanotify_init
    [313, 350, 273, 379], // finit_module
    [431, 431, 431, 431], // fsconfig
    [432, 432, 432, 432], // fsmount
    [430, 430, 430, 430], // fsopen
    [433, 433, 433, 433], // fspick
    [239, 275, 236, 320], // get_mempolicy
    [175, 128, 105, 128], // init_module
    [426, 426, 426, 426], // io_uring_enter
    [427, 427, 427, 427], // io_uring_register
    [425, 425, 425, 425], // io_uring_setup
    [173, 101, NONE, NONE], // ioperm
    [172, 110, NONE, NONE], // iopl
    [312, 349, 272, 378], // kcmp
    [320, NONE, 294, 401], // kexec_file_load
    [246, 283, 104, 347], // kexec_load
    [250, 288, 219, 311], // keyctl
    [212, 253, 18, 249], // lookup_dcookie
    [459, 459, 459, 459], // lsm_get_self_attr
    [461, 461, 461, 461], // lsm_list_modules
    [460, 460, 460, 460], // lsm_set_self_attr
    [237, 274, 235, 319], // mbind
    [256, 294, 238, 400], // migrate_pages
    [165, 21, 40, 21], // mount
    [442, 442, 442, 442], // mount_setattr
    [429, 429, 429, 429], // move_mount
    [279, 317, 239, 344], // move_pages
    [NONE, 34, NONE, 34], // nice
    [NONE, 28, NONE, NONE], // oldfstat
    [NONE, 84, NONE, NONE], // oldlstat
    [NONE, 59, NONE, NONE], // oldolduname
    [NONE, 18, NONE, NONE], // oldstat
    [NONE, 109, NONE, NONE], // olduname
    [304, 342, 265, 371], // open_by_handle_at
    [428, 428, 428, 428], // open_tree
    [NONE, NONE, NONE, 271], // pciconfig_iobase
    [NONE, NONE, NONE, 272], // pciconfig_read
    [NONE, NONE, NONE, 273], // pciconfig_write
    [298, 336, 241, 364], // perf_event_open
    [438, 438, 438, 438], // pidfd_getfd
    [155, 217, 41, 218], // pivot_root
    [440, 440, 440, 440], // process_madvise
    [179, 131, 60, 131], // quotactl
    [443, 443, 443, 443], // quotactl_fd
    [NONE, 89, NONE, NONE], // readdir
    [169, 88, 142, 88], // reboot
    [249, 287, 218, 310], // request_key
    [238, 276, 237, 321], // set_mempolicy
    [450, 450, 450, 450], // set_mempolicy_home_node
    [171, 121, 162, 121], // setdomainname
    [170, 74, 161, 74], // sethostname
    [308, 346, 268, 375], // setns
    [164, 79, 170, 79], // settimeofday
    [NONE, 68, NONE, NONE], // sgetmask
    [NONE, 67, NONE, 67], // sigaction
    [NONE, 48, NONE, NONE], // signal
    [NONE, 73, NONE, 73], // sigpending
    [NONE, 72, NONE, 72], // sigsuspend
    [NONE, 69, NONE, NONE], // ssetmask
    [NONE, 25, NONE, NONE], // stime
    [168, 115, 225, 115], // swapoff
    [167, 87, 224, 87], // swapon
    [139, 135, NONE, 135], // sysfs
    [103, 103, 116, 103], // syslog
    [NONE, 22, NONE, NONE], // umount
    [166, 52, 39, 52], // umount2
    [272, 310, 97, 337], // unshare
    [134, 86, NONE, 86], // uselib
    [323, 374, 282, 388], // userfaultfd
    [136, 62, NONE, 62], // ustat
    [153, 111, 58, 111], // vhangup
    [NONE, 166, NONE, NONE], // vm86
    [NONE, 113, NONE, NONE], // vm86old
];

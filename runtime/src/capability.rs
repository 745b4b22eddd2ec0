//! The capabilities that a container's processes can have.
//!
//! Docker's fourteen by default, in the bounding, permitted and effective sets; the inheritable and ambient
//! sets stay empty (CVE-2022-24769: a file with inheritable capabilities would gain them otherwise).

use rustix::thread::CapabilitySet;

/// Docker's default set: what moby's `oci/caps/defaults.go` lists.
pub(crate) const DEFAULT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

#[cfg(test)]
mod tests {
    #[test]
    fn the_default_is_what_docker_shows_in_the_status_of_a_process() {
        assert_eq!(super::DEFAULT.bits(), 0xa804_25fb);
    }
}

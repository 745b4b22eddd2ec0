//! Images from standard input: `-` where a source has its path.

use std::{io::Read, path::Path};

use super::{Each, docker_image, each, images_of, not_found, oci_image, only};
use crate::{
    Image, Result,
    archive::{
        docker, oci,
        tar_file::{STREAM, TarFile, spool},
    },
    manifest::Platform,
    rootfs,
    store::Intake,
};

/// What names an image of standard input.
struct Named<'a> {
    /// Empty where the content is to tell.
    transport: &'a str,
    reference: Option<&'a str>,
}

/// Whether a text names an image of standard input: `-`, or an archive's transport with `-` for the path.
pub fn is_stream(text: &str) -> bool {
    named(text).is_some()
}

fn named(text: &str) -> Option<Named<'_>> {
    if text == "-" {
        return Some(Named { transport: "", reference: None });
    }
    let (transport, rest) = text.split_once(':')?;
    let rest = match transport {
        "docker-archive" => rest.strip_prefix("//").unwrap_or(rest),
        "oci-archive" => rest,
        "rootfs" if rest == "-" => rest,
        _ => return None,
    };
    match rest.strip_prefix('-')? {
        "" => Some(Named { transport, reference: None }),
        reference => Some(Named { transport, reference: Some(reference.strip_prefix(':')?) }),
    }
}

/// Opens the image that a text names where [`is_stream`] says so, by way of a temporary file without a name.
///
/// # Errors
/// As [`open`](super::open).
pub fn read(text: &str, stream: impl Read, platform: &Platform) -> Result<Box<dyn Image>> {
    let Some(Named { transport, reference }) = named(text) else { return Err(not_found(text, None, platform)) };
    let place = Path::new(STREAM);
    let spooled = spool(stream)?;
    let file = spooled.try_clone()?;
    match transport {
        "docker-archive" => docker_image(TarFile::of(file, place)?, "docker-archive:-", reference),
        "oci-archive" => oci_image(TarFile::of(file, place)?, "oci-archive:-", reference, platform),
        "rootfs" => rootfs::of_spooled(spooled),
        _ => match each::of_archive(TarFile::of(file, place), platform, None)? {
            Some((transport, found)) => only(found, place, &format!("{transport}:-")),
            None => rootfs::of_spooled(spooled),
        },
    }
}

/// Opens every image that a text names, as [`each`](super::each()), where [`is_stream`] says that it is standard input.
///
/// # Errors
/// As [`each`](super::each()).
pub fn read_each(text: &str, stream: impl Read, platform: &Platform) -> Result<Vec<Each>> {
    let place = Path::new(STREAM);
    match named(text) {
        Some(Named { transport: "docker-archive", reference: None }) => {
            let archive = TarFile::of(spool(stream)?.into_file(), place)?;
            Ok(each::named(docker::each(archive, None)?, text, text))
        }
        Some(Named { transport: "oci-archive", reference: None }) => {
            let archive = TarFile::of(spool(stream)?.into_file(), place)?;
            Ok(each::named(oci::each_of_archive(archive, None, platform)?, text, text))
        }
        _ => Ok(vec![Each { text: text.to_owned(), image: read(text, stream, platform) }]),
    }
}

/// Opens every image of an archive; layers that have to be read for it are taken in as they are.
pub(crate) fn read_all_into(
    stream: impl Read,
    platform: &Platform,
    intake: &mut Intake<'_>,
) -> Result<Vec<Box<dyn Image>>> {
    let place = Path::new(STREAM);
    let archive = TarFile::of(spool(stream)?.into_file(), place);
    images_of(each::of_archive(archive, platform, Some(intake))?, place)
}

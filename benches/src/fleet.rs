//! Many images on one base, as an OCI layout on the disk.

use std::{fs, path::Path, sync::Arc};

use anyhow::Result;
use strata_image::{
    ImageName, Layer,
    archive::{Named, oci},
};

use crate::stack::{LayerMaker, Made, layer};

/// Writes a layout `layout` into a folder: the base, named `base:1`, and `images` images on it, `app:0`, `app:1`, ….
/// `fill_base` writes each of the base's `base_layers` layers by its number, `fill` each of the `own_layers` of an image by
/// the numbers of both.
///
/// # Errors
/// When the disk is full, or one of the two fails.
pub fn make(
    folder: &Path,
    (base_layers, images, own_layers): (u32, u32, u32),
    mut fill_base: impl FnMut(u32, &mut LayerMaker) -> Result<()>,
    mut fill: impl FnMut(u32, u32, &mut LayerMaker) -> Result<()>,
) -> Result<()> {
    let tars = folder.join("tars");
    fs::create_dir_all(&tars)?;
    let tar = |number: u32| tars.join(format!("{number}.tar"));
    let base = (0..base_layers)
        .map(|number| layer(&tar(number), number, |maker| fill_base(number, maker)))
        .collect::<Result<Vec<Arc<dyn Layer>>>>()?;
    let mut made = vec![(Made::of(base.clone())?, "base:1".to_owned())];
    for image in 0..images {
        let mut layers = base.clone();
        for own in 0..own_layers {
            let number = base_layers + image * own_layers + own;
            layers.push(layer(&tar(number), number, |maker| fill(image, own, maker))?);
        }
        made.push((Made::of(layers)?, format!("app:{image}")));
    }
    let images = made
        .iter()
        .map(|(image, name)| Ok(Named { image, names: vec![ImageName::parse(name)?] }))
        .collect::<Result<Vec<Named<'_>>>>()?;
    oci::write_layout(&images, &folder.join("layout"))?;
    fs::remove_dir_all(&tars)?;
    Ok(())
}

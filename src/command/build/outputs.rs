//! Where the image goes beside the store: `-o` and `--annotation`.

use std::io::IsTerminal;

use anyhow::{Result, bail};
use strata_builder::{
    Cancel, Engine,
    options::RewriteTimestamp,
    output::{self, Destination, Form, Output, Written},
};
use strata_image::{
    ImageId, ImageName,
    archive::{Annotation, AnnotationPlace},
};

/// The options.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "What is made")]
pub(crate) struct OutputArgs {
    /// Write the image, too; may be given several times. Types: docker, oci, tar, local; - is standard output
    #[arg(short, long = "output", value_name = "type=TYPE,dest=PATH[,…]|DIR", value_parser = parse)]
    outputs: Vec<Output>,

    /// Annotation of the manifests that -o writes; PLACE: manifest, index, manifest-descriptor, index-descriptor
    #[arg(long = "annotation", value_name = "[PLACE:]KEY=VALUE", value_parser = annotations)]
    annotations: Vec<Annotations>,
}

/// One `--annotation`: as many as it names places.
type Annotations = std::sync::Arc<[Annotation]>;

impl OutputArgs {
    /// Whether an archive goes to standard output.
    pub(super) fn has_stdout(&self) -> bool {
        self.outputs.iter().any(|output| output.destination == Destination::Stdout)
    }

    /// Refuses what can be known to fail before anything is built. `stdout` is what else goes there.
    pub(super) fn check(&self, stdout: Option<&str>) -> Result<()> {
        let to_stdout = self.outputs.iter().filter(|output| output.destination == Destination::Stdout).count();
        if to_stdout > 0 && std::io::stdout().is_terminal() {
            bail!("an archive is not for a terminal\nhint: give a file with dest=FILE, or redirect the output");
        }
        if let Some(other) = stdout.filter(|_| to_stdout > 0) {
            bail!(
                "{other} goes to standard output, and so does an archive\nhint: give the archive a file with dest=FILE"
            );
        }
        if to_stdout > 1 {
            bail!("two archives go to standard output\nhint: give one of them a file with dest=FILE");
        }
        if !self.annotations.is_empty() && !self.outputs.iter().any(|output| layers(&output.form).is_some()) {
            bail!(
                "--annotation: the image in the store has no annotations\nhint: write one that has them: -o type=oci,dest=FILE"
            );
        }
        self.rewrite_timestamp().map(drop)
    }

    /// What `rewrite-timestamp=` says: times are part of layers, and so the same for all outputs.
    pub(super) fn rewrite_timestamp(&self) -> Result<RewriteTimestamp> {
        let mut wishes = self.outputs.iter().filter_map(|output| output.rewrite_timestamp);
        let Some(first) = wishes.next() else {
            return Ok(RewriteTimestamp::default());
        };
        if wishes.any(|other| other != first) {
            bail!("one output says rewrite-timestamp=true and another false: the image is built once for all of them");
        }
        Ok(first)
    }

    /// Writes all of them; gives what came of each, the image in the store first.
    pub(super) fn write(
        &self,
        engine: &Engine,
        named: ImageId,
        images: &[ImageId],
        names: &[ImageName],
        cancel: &Cancel,
    ) -> Result<Vec<Written>> {
        let stored =
            Output { form: Form::Stored, destination: Destination::Store, names: Vec::new(), rewrite_timestamp: None };
        let write = |images: &[ImageId], output: &Output| output::write(&engine.store, images, names, output, cancel);
        let mut written = vec![write(&[named], &stored)?];
        for output in &self.outputs {
            written.push(write(images, &self.annotated(output))?);
        }
        Ok(written)
    }

    fn annotated(&self, output: &Output) -> Output {
        let mut output = output.clone();
        if let Form::Docker(layers) | Form::Oci { layers, .. } = &mut output.form {
            layers.annotations.extend(self.annotations.iter().flat_map(|annotations| annotations.iter().cloned()));
        }
        output
    }
}

fn layers(form: &Form) -> Option<&output::Layers> {
    match form {
        Form::Docker(layers) | Form::Oci { layers, .. } => Some(layers),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Output, String> {
    text.parse::<Output>().map_err(|error| match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    })
}

/// `KEY=VALUE`, or `manifest[linux/arm64],index:KEY=VALUE`.
fn annotations(text: &str) -> Result<Annotations, String> {
    let (name, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    let (places, key) = name.split_once(':').unwrap_or(("manifest", name));
    if key.is_empty() {
        return Err("write KEY=VALUE".to_owned());
    }
    let annotation = |place: &str| {
        let (place, platform) = match place.split_once('[') {
            None => (place, None),
            Some((place, rest)) => (place, Some(rest.strip_suffix(']').ok_or("a [ is not closed")?)),
        };
        let place = match place {
            "manifest" => AnnotationPlace::Manifest,
            "manifest-descriptor" => AnnotationPlace::ManifestDescriptor,
            "index" => AnnotationPlace::Index,
            "index-descriptor" => AnnotationPlace::IndexDescriptor,
            _ => {
                return Err("the places are manifest, manifest-descriptor, index and index-descriptor".to_owned());
            }
        };
        if platform.is_some() && matches!(place, AnnotationPlace::Index | AnnotationPlace::IndexDescriptor) {
            return Err("an index is of all platforms".to_owned());
        }
        Ok(Annotation { place, platform: platform.map(str::to_owned), key: key.to_owned(), value: value.to_owned() })
    };
    places.split(',').map(annotation).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{AnnotationPlace, annotations};

    #[test]
    fn an_annotation_is_of_the_manifest_or_of_the_places_before_it() {
        let places =
            |text| annotations(text).unwrap().iter().map(|a| (a.place, a.platform.clone())).collect::<Vec<_>>();
        assert_eq!(places("a.b=c:d"), [(AnnotationPlace::Manifest, None)]);
        assert_eq!(
            places("manifest[linux/arm64],index:a=b"),
            [(AnnotationPlace::Manifest, Some("linux/arm64".to_owned())), (AnnotationPlace::Index, None)]
        );
        let both = annotations("index-descriptor:a=b=c").unwrap();
        assert_eq!((both[0].key.as_str(), both[0].value.as_str()), ("a", "b=c"));
        for text in ["a", "=b", "layer:a=b", "index[linux/amd64]:a=b", "manifest[linux:a=b"] {
            assert!(annotations(text).is_err(), "{text}");
        }
    }
}

//! An object into a file.

use std::path::Path;

use tokio::io::{AsyncWriteExt, BufWriter};

use crate::cloud::{Cloud, CloudError, unless};

impl Cloud {
    /// Writes an object into a new file. Says whether it was there.
    pub async fn download(&self, bucket: &str, key: &str, path: &Path) -> Result<bool, CloudError> {
        let Some(mut body) = unless(&["NoSuchBucket"], self.object(bucket, key).await)?.flatten() else {
            return Ok(false);
        };
        let failed = |error: &dyn std::fmt::Display| CloudError {
            operation: "GetObject",
            code: None,
            message: format!("{}: {error}", path.display()),
        };
        let file = tokio::fs::File::create(path).await.map_err(|error| failed(&error))?;
        let mut file = BufWriter::new(file);
        while let Some(bytes) = body.try_next().await.map_err(|error| failed(&error))? {
            file.write_all(&bytes).await.map_err(|error| failed(&error))?;
        }
        file.flush().await.map_err(|error| failed(&error))?;
        Ok(true)
    }
}

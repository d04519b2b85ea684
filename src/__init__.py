"""The e-mail ingestion pipeline. Import from the file that defines the thing; packages re-export nothing."""

"""The report as one page that needs no other file: `page` puts together tables, pictures, data and script."""

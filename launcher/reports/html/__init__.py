"""The report as one page that needs no other file: `page` puts together sections and charts."""

{# The name of the image: that of its first file, without the ending. #}
{{ image.files[0].replace(".loads", "").replace(".bin", "") }}

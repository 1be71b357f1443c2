# nginx's error log on its way out. It quotes request lines, and with them the tokens of links; those stay here.
{
    gsub(/[?]t=[^ &"]*/, "?t=-")
    gsub(/[&]t=[^ &"]*/, "\\&t=-")
    print
    fflush()
}

/could not allocate node in cache keys zone/ {
    print ++full > failures
    close(failures)
}

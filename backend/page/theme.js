// Apart from the modules, which run late: the theme that was chosen is there with the first paint.
try {
  const theme = localStorage.getItem("twinspace.theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden here: the system's theme it is.
}

"""What tests of figures read from an axis."""


def labelled(ax):
    """The points of each line that the legend names."""
    return {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines() if line.get_label()[0] != "_"}

"""What is read of nvidia-smi's lines."""

from benchmarks.gpu import medians, watched


def test_medians_leave_out_what_the_gpu_cannot_tell_and_lines_cut_short() -> None:
    lines = "1500, 65.0, [N/A]\n1400, 70.5, [N/A]\n1300, 60.0, [N/A]\n900, 5"
    assert medians(lines) == {"sm_mhz": 1400, "watts": 65.0}
    assert medians("") == {}


def test_nothing_is_watched_on_the_cpu() -> None:
    with watched("cpu") as seen:
        pass
    assert seen == {}

"""An fp32 graph becomes an int8 one: model.onnx and, beside it, model.onnx_data with its matrices."""

from collections.abc import Sequence
from pathlib import Path

from veriaidpo_predictor.computing import cpu
from veriaidpo_predictor.converting import int8_graph, int8_ranges
from veriaidpo_predictor.converting.convert import check_space
from veriaidpo_predictor.converting.graph_file import GraphFile
from veriaidpo_predictor.converting.matrix_file import MatrixFile, write
from veriaidpo_predictor.files import GRAPH, GRAPH_DATA
from veriaidpo_predictor.manifest import FileEntry

SENTENCES = (
    "Công ty thu thập địa chỉ email và số điện thoại của khách hàng khi đăng ký tài khoản.",
    "Dữ liệu cá nhân được chuyển cho đối tác ở nước ngoài mà không có sự đồng ý của chủ thể dữ liệu!",
    "Ngân hàng lưu trữ hồ sơ tín dụng trong 10 năm theo quy định của Luật số 91/2025/QH15.",
    "Người dùng có quyền yêu cầu xóa, chỉnh sửa hoặc rút lại sự đồng ý bất cứ lúc nào.",
    "Bệnh viện chia sẻ kết quả xét nghiệm với công ty bảo hiểm; bệnh nhân không được thông báo.",
    "anh ơi cho em hỏi đơn hàng #A-2041 giao tới đâu rồi ạ?",
    "The company collects the e-mail addresses of its customers for marketing purposes only.",
    "Personal data is transferred to a third party abroad without the consent of the data subject.",
    "Records are kept for 5 years and erased afterwards, unless a legal hold applies (see Article 12).",
    "Returns the number of items in a list, or None if the key does not exist; raises ValueError otherwise.",
    "What is the lawful basis for processing health data of minors under the age of 16?",
    "Yesterday the committee met in Hanoi, and nobody objected to the new budget.",
)
"""What the original answers so that its ranges can be seen."""


def convert(
    folder: Path,
    work: Path,
    rows: Sequence[Sequence[int]],
    *,
    width: int,
    per_token: bool,
    cpu_class: str,
) -> dict[str, FileEntry]:
    """Write into `work` the int8 graph of the model in `folder`; `rows` are SENTENCES as it reads them.

    Equal graphs, rows and classes of processor give equal bytes. Gives what was written, by its name. Raises
    UnfitGraphError, and FetchError for a full volume before a byte is written.
    """
    graph = folder / GRAPH
    whole = sum(path.stat().st_size for path in graph.parent.iterdir())
    check_space(folder, 2 * whole)
    ranges = int8_ranges.observe(folder, graph, rows, width=width, per_token=per_token)
    file = GraphFile(graph)
    name, data = Path(GRAPH).name, MatrixFile(Path(GRAPH_DATA).name)
    int8_graph.rewrite(file, ranges, data, narrow=cpu.saturates(cpu_class))
    return {
        Path(GRAPH_DATA).name: data.write(work),
        name: write(work / name, [file.model.SerializeToString(deterministic=True)]),
    }
